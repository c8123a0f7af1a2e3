"""The lives of vehicles: why each of them travels, innocent or county lines."""
