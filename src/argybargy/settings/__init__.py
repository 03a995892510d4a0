"""Settings: read from flags, environment variables and ``config.toml``.

It is the only package that reads ``ARGYBARGY_*`` variables and ``config.toml``, and it
starts nothing. `definitions.SETTINGS` is the table of all settings, `parsers` parses
single values, and `settings.read_settings` merges all sources into one `Settings`, or
raises every mistake at once.
"""
