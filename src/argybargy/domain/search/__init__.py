"""Search queries: parser, tokenizer and snippets.

Each store runs the search itself. `query.parse_search` parses a query, `tokens` splits
text into words, and `snippet.snippet` extracts the line around a match.
"""
