"""What people are told of: incidents, and the sensor that finds them. The webhook that carries them is a resource."""
