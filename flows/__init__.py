"""The engine's verbs as Prefect flows: when they run, where, and what is seen of them.

Nothing here decides anything. Nothing but counts, ids and times crosses into Prefect, which keeps
parameters, logs and artifacts in clear text.
"""
