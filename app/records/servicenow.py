"""ServiceNow records: a number in the address, or the record's id when there is none."""

import re
from urllib.parse import SplitResult, unquote

NUMBER = re.compile(r"(?<![A-Z])(?:INC|PRB|CHG|TASK|RITM|CS)\d{5,12}(?!\d)")
RECORD_ID = re.compile(r"(?:sys_id=|/record/[a-z_]{1,80}/|sys_id/)([0-9a-f]{32})(?![0-9a-f])")


class ServiceNow:
    """Any host under service-now.com; their addresses hide the record in the query, encoded once or twice."""

    name = "servicenow"
    label = "ServiceNow"

    def key(self, url: SplitResult) -> str:
        """See `Tracker.key`."""
        host = (url.hostname or "").lower()
        if not host.endswith(".service-now.com"):
            return ""
        address = unquote(unquote(f"{url.path}?{url.query}#{url.fragment}"))
        number = NUMBER.search(address)
        if number:
            return number[0]
        record = RECORD_ID.search(address)
        return record[1] if record else ""


TRACKER = ServiceNow()
