"""The computations of guests/compute in Python: the same steps in the same order, so that each gives the same number."""

import hashlib
import math
import re

SUN = 4 * math.pi * math.pi
YEAR = 365.24
STEP = 0.01
BODIES = [
    ([0.0] * 3, [0.0] * 3, 1.0),
    (
        [4.84143144246472, -1.1603200440274284, -0.10362204447112311],
        [0.001660076642744037, 0.007699011184197404, -6.90460016972063e-5],
        0.0009547919384243266,
    ),
    (
        [8.34336671824458, 4.124798564124305, -0.4035234171143214],
        [-0.002767425107268624, 0.004998528012349172, 2.3041729757376393e-5],
        0.0002858859806661308,
    ),
    (
        [12.89436956213913, -15.111151401698631, -0.22330757889265573],
        [0.002964601375647616, 0.0023784717395948095, -2.9658956854023756e-5],
        4.366244043351563e-5,
    ),
    (
        [15.379697114850917, -25.919314609987964, 0.17925877295037118],
        [0.0026806777249038932, 0.001628241700382423, -9.515922545197159e-5],
        5.1513890204661145e-5,
    ),
]


def n_body(steps):
    bodies = [(list(x), [v * YEAR for v in s], m * SUN) for x, s, m in BODIES]
    sum_ = [0.0] * 3
    for _, speed, mass in bodies:
        for axis in range(3):
            sum_[axis] += speed[axis] * mass
    bodies[0][1][:] = [-it / SUN for it in sum_]
    pairs = [(bodies[i], bodies[j]) for i in range(5) for j in range(i + 1, 5)]
    for _ in range(steps):
        for (x, v, m), (y, w, n) in pairs:
            a, b, c = x[0] - y[0], x[1] - y[1], x[2] - y[2]
            square = a * a + b * b + c * c
            pull = STEP / (square * math.sqrt(square))
            v[0] -= a * n * pull
            v[1] -= b * n * pull
            v[2] -= c * n * pull
            w[0] += a * m * pull
            w[1] += b * m * pull
            w[2] += c * m * pull
        for x, v, _ in bodies:
            x[0] += STEP * v[0]
            x[1] += STEP * v[1]
            x[2] += STEP * v[2]
    energy = 0.0
    for i, (x, v, m) in enumerate(bodies):
        energy += 0.5 * m * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
        for y, _, n in bodies[i + 1 :]:
            a, b, c = x[0] - y[0], x[1] - y[1], x[2] - y[2]
            energy -= m * n / math.sqrt(a * a + b * b + c * c)
    return energy


def sha_256(kibibytes):
    return hashlib.sha256(bytes(range(256)) * (4 * kibibytes)).digest()


def mandelbrot(size):
    step = 2.0 / size
    all_ = 0
    for row in range(size):
        for column in range(size):
            a, b = column * step - 1.5, row * step - 1.0
            x = y = 0.0
            iterations = 0
            while iterations < 1000 and x * x + y * y <= 4.0:
                x, y = x * x - y * y + a, 2.0 * x * y + b
                iterations += 1
            all_ += iterations
    return all_


PATTERN = re.compile(r"[a-z]+@[a-z]+\.(?:com|org|net)|[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def text(length):
    pieces, size, state = [], 0, 1
    while size < length:
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        n = state % 37
        piece = ("ada@example.org ", "1815-12-10 ")[n] if n < 2 else "e" * (n % 9 + 1) + " "
        pieces.append(piece)
        size += len(piece)
    return "".join(pieces)[:length]


def matches(text):
    return sum(1 for _ in PATTERN.finditer(text))


# By the number that the bench has for them, with what each does to the argument before it is measured.
ALL = [(n_body, int), (sha_256, int), (mandelbrot, int), (matches, text)]
