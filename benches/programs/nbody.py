import math


class Body:
    def __init__(self, x, y, z, vx, vy, vz, mass):
        self.x, self.y, self.z = x, y, z
        self.vx, self.vy, self.vz = vx, vy, vz
        self.mass = mass


def advance(bodies, dt):
    n = len(bodies)
    for i in range(n):
        a = bodies[i]
        for j in range(i + 1, n):
            b = bodies[j]
            dx = a.x - b.x
            dy = a.y - b.y
            dz = a.z - b.z
            d2 = dx * dx + dy * dy + dz * dz
            mag = dt / (d2 * math.sqrt(d2))
            a.vx -= dx * b.mass * mag
            a.vy -= dy * b.mass * mag
            a.vz -= dz * b.mass * mag
            b.vx += dx * a.mass * mag
            b.vy += dy * a.mass * mag
            b.vz += dz * a.mass * mag
    for b in bodies:
        b.x += dt * b.vx
        b.y += dt * b.vy
        b.z += dt * b.vz


bodies = [
    Body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.5),
    Body(4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.037),
    Body(8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.011),
    Body(12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.0017),
    Body(15.4, -25.9, 0.2, 0.98, 0.6, -0.03, 0.002),
]
for step in range(1000000):
    advance(bodies, 0.01)
print(math.floor(bodies[0].x * 1000000))
