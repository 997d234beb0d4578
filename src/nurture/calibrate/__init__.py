"""Is our scoring any good? Backtests, suggested points and half-lives; nothing changes by itself.

Whatever is suggested here is for people to read and for both teams to sign. Modules import pandas,
so nothing is imported before it is needed.
"""
