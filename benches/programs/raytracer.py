import math


class Vec:
    def __init__(self, x, y, z):
        self.x = x
        self.y = y
        self.z = z

    def __add__(self, o):
        return Vec(self.x + o.x, self.y + o.y, self.z + o.z)

    def __sub__(self, o):
        return Vec(self.x - o.x, self.y - o.y, self.z - o.z)

    def scale(self, k):
        return Vec(self.x * k, self.y * k, self.z * k)

    def dot(self, o):
        return self.x * o.x + self.y * o.y + self.z * o.z

    def unit(self):
        return self.scale(1.0 / math.sqrt(self.dot(self)))


class Ray:
    def __init__(self, origin, direction):
        self.origin = origin
        self.direction = direction

    def at(self, t):
        return self.origin + self.direction.scale(t)


class Sphere:
    def __init__(self, center, radius, color, shine):
        self.center = center
        self.radius = radius
        self.color = color
        self.shine = shine

    def hit(self, ray):
        to = ray.origin - self.center
        b = to.dot(ray.direction)
        d = b * b - to.dot(to) + self.radius * self.radius
        if d < 0.0:
            return None
        t = -b - math.sqrt(d)
        return t if t > 0.001 else None

    def normal(self, point):
        return (point - self.center).unit()

    def color_at(self, point):
        return self.color


class Floor:
    def __init__(self, height):
        self.height = height
        self.shine = 0.1

    def hit(self, ray):
        if ray.direction.y > -0.001:
            return None
        t = (self.height - ray.origin.y) / ray.direction.y
        return t if t > 0.001 else None

    def normal(self, point):
        return Vec(0.0, 1.0, 0.0)

    def color_at(self, point):
        dark = (math.floor(point.x) + math.floor(point.z)) % 2 == 0
        return Vec(0.2, 0.2, 0.2) if dark else Vec(0.9, 0.9, 0.9)


class Scene:
    def __init__(self, things, light):
        self.things = things
        self.light = light

    def nearest(self, ray):
        best = None
        distance = 1000000.0
        for thing in self.things:
            t = thing.hit(ray)
            if t is not None and t < distance:
                distance = t
                best = thing
        return best, distance

    def trace(self, ray, depth):
        thing, distance = self.nearest(ray)
        if thing is None:
            return Vec(0.3, 0.5, 0.8).scale(0.5 + 0.5 * ray.direction.y)
        point = ray.at(distance)
        normal = thing.normal(point)
        to_light = (self.light - point).unit()
        bright = 0.1
        shade, _ = self.nearest(Ray(point, to_light))
        if shade is None:
            bright += 0.9 * max(normal.dot(to_light), 0.0)
        color = thing.color_at(point).scale(bright)
        if depth == 0 or thing.shine == 0.0:
            return color
        bounced = ray.direction - normal.scale(2.0 * normal.dot(ray.direction))
        return color.scale(1.0 - thing.shine) + self.trace(Ray(point, bounced), depth - 1).scale(thing.shine)


def main():
    things = [Floor(-1.0)]
    for i in range(6):
        color = Vec(0.3 + i * 0.1, 0.9 - i * 0.1, 0.5)
        things.append(Sphere(Vec(i * 1.5 - 3.75, i % 2 * 0.8 - 0.5, 6.0 - i % 3), 0.7, color, i % 3 * 0.25))
    scene = Scene(things, Vec(-5.0, 8.0, -3.0))
    width, height = 240, 160
    total = 0
    for y in range(height):
        for x in range(width):
            direction = Vec((x - width / 2) / 120.0, (height / 2 - y) / 120.0, 1.0).unit()
            color = scene.trace(Ray(Vec(0.0, 0.5, -2.0), direction), 3)
            total = (total * 31 + math.floor((color.x + color.y + color.z) * 85.0)) % 1000003
    print(total)


main()
