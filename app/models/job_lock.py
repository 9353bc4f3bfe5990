"""Jobs that only one worker at a time may do, whichever is first when they are due."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class JobLock(Base):
    """One such job.  The worker that acquires it moves `due_at` to the end of its lease, by the shared clock."""

    __tablename__ = "job_lock"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    due_at: Mapped[datetime] = mapped_column()
