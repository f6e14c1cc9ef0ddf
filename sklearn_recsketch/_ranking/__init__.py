"""From a query to ranked ids."""
