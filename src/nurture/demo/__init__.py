"""The demo: ninety virtual days of the starter programme, with pretend people and a pretend CRM.

The engine, the web app, the signatures and the HTTP on loopback are the real ones.
"""
