"""A service that answers requests for recommendations over HTTP, and a web page that shows them."""
