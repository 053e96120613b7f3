"""The planets: data and no function at all."""

# Name, mean distance from the sun in millions of kilometers, moons known in 2024.
PLANETS = [
    ("Mercury", 58, 0),
    ("Venus", 108, 0),
    ("Earth", 150, 1),
    ("Mars", 228, 2),
    ("Jupiter", 778, 95),
    ("Saturn", 1432, 146),
    ("Uranus", 2867, 28),
    ("Neptune", 4515, 16),
]

SPEED_OF_LIGHT = 0.299792  # millions of kilometers per second

MINUTES_OF_LIGHT = {name: distance / SPEED_OF_LIGHT / 60 for name, distance, _ in PLANETS}
MOONS = sum(moons for _, _, moons in PLANETS)
