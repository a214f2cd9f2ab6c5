"""Alerts: incidents, and the sensor that finds them. The recipients are a resource."""
