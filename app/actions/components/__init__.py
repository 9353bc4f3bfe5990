"""Components and the groups that are headings over them."""
