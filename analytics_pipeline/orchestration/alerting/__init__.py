"""Alerts: incidents, and the sensor that finds them. The webhook that delivers them is a resource."""
