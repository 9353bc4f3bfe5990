"""Work that one worker at a time does, whichever comes first when it is due."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Turn(Base):
    """One kind of such work.  Whoever takes it moves `due_at` on to the end of their time, by the shared clock."""

    __tablename__ = "turn"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    due_at: Mapped[datetime] = mapped_column()
