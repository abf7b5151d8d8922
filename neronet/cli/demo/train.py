"""A small neural network learns to tell two half moons apart: plain Python, nothing to install.

Neronet needs no code in here.  A printed line `NAME VALUE` is a metric, that is all.
"""

import argparse
import math
import random
import time

HIDDEN = 6
POINTS = 60


class Network:
    """Two inputs, one hidden layer, one output: the probability that a point is of moon 1."""

    def __init__(self, rng: random.Random) -> None:
        self.units = [[rng.gauss(0, 1) for _ in range(4)] for _ in range(HIDDEN)]
        self.bias = 0.0

    def probability(self, x: float, y: float) -> float:
        total = self.bias + sum(out * math.tanh(a * x + b * y + c) for a, b, c, out in self.units)
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, total))))

    def learn(self, x: float, y: float, moon: int, rate: float) -> None:
        """One step of gradient descent."""
        error = self.probability(x, y) - moon
        for unit in self.units:
            value = math.tanh(unit[0] * x + unit[1] * y + unit[2])
            back = error * unit[3] * (1 - value * value)
            unit[0] -= rate * back * x
            unit[1] -= rate * back * y
            unit[2] -= rate * back
            unit[3] -= rate * error * value
        self.bias -= rate * error


def point_of_moon(moon: int, rng: random.Random) -> "tuple[float, float, int]":
    """A point (x, y, moon): the moons are half circles that reach into each other, with some noise."""
    angle = rng.random() * math.pi
    x, y = math.cos(angle), math.sin(angle)
    if moon == 1:
        x, y = 1 - x, 0.5 - y
    return x + rng.gauss(0, 0.1), y + rng.gauss(0, 0.1), moon


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, required=True, help="the learning rate")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    settings = parser.parse_args()

    rng = random.Random(settings.seed)
    points = [point_of_moon(number % 2, rng) for number in range(POINTS)]
    network = Network(rng)
    for epoch in range(1, settings.epochs + 1):
        rng.shuffle(points)
        for x, y, moon in points:
            network.learn(x, y, moon, settings.rate)
        loss = right = 0.0
        for x, y, moon in points:
            probability = network.probability(x, y)
            loss -= math.log(max(1e-9, probability if moon else 1 - probability))
            right += (probability > 0.5) == moon
        print(f"epoch {epoch}/{settings.epochs}")
        print(f"loss {loss / POINTS:.4f}")
        print(f"accuracy {right / POINTS:.3f}", flush=True)
        time.sleep(0.05)  # so that there is something to watch


if __name__ == "__main__":
    main()
