"""What Stretto costs and how near it comes to the limit, beside controls written by hand."""
