pytest_plugins = ["deimos_fake"]
