"""The web as we speak it: who may call a route, how refusals look, and what every answer carries."""
