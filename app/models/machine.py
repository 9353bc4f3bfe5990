"""The machines whose workers send from this database."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base


class Machine(Base):
    """One CANDOR_HOME with workers, by the id in its `machine.json`.  They move `seen_at` on as long as they live."""

    __tablename__ = "machine"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    seen_at: Mapped[datetime] = mapped_column(default=now)
