"""Settings: what can be set, and where each value comes from.

It is the only package that reads the environment and ``config.toml``, and it starts
nothing. `definitions.SETTINGS` is the table of all settings, `parsers` reads single
values, and `settings.read_settings` gathers flags, variables, file and defaults into
one `Settings`, or names every mistake at once.
"""
