"""What each page shows, read and prepared: no request, no HTML."""
