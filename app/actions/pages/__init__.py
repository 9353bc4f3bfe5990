"""Pages, their announcements, and the sample data."""
