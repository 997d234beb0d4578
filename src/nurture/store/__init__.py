"""The only place with SQL: functions take a connection and return core values, never rows."""
