"""Search queries, and what is shown of a hit.

It knows the grammar and what counts as a word; it never looks at stored messages,
which is the business of each store. `query.parse_query` reads a query, `tokens` splits
text into words, and `snippet.excerpt` cuts out the line around a hit.
"""
