"""Standard texts for a status that a script sends without a text."""

from app.vocabulary import PostStatus

BODIES = {
    PostStatus.INVESTIGATING: "We are currently investigating this issue.",
    PostStatus.IDENTIFIED: "The issue has been identified and a fix is being implemented.",
    PostStatus.MONITORING: "A fix has been implemented and we are monitoring the results.",
    PostStatus.RESOLVED: "This incident has been resolved.",
    PostStatus.SCHEDULED: "We will be undergoing scheduled maintenance during this time.",
    PostStatus.IN_PROGRESS: "Scheduled maintenance is currently in progress. We will provide updates as necessary.",
    PostStatus.VERIFYING: "Verification is currently underway for the maintenance items.",
    PostStatus.COMPLETED: "The scheduled maintenance has been completed.",
    PostStatus.CANCELLED: "This maintenance was canceled.",
    PostStatus.POSTMORTEM: "",
}
"""By status. A post-mortem has no standard text."""
