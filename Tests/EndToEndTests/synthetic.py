"""What the replica's voxels hold: a function of the voxel's coordinates, so that any box can be made on its own."""

import numpy


def raw(start, stop, voxel, translation, level):
    """uint8 voxels of the box [start, stop) of a raw level: smooth blobs in nm, and hash noise per voxel."""
    axes = [numpy.arange(a, b, dtype=numpy.int64) for a, b in zip(start, stop)]
    z, y, x = (axis * v + t for axis, v, t in zip(axes, voxel, translation))
    wave = lambda nm, period: numpy.sin(nm * (2 * numpy.pi / period)).astype(numpy.float32)
    smooth = (
        (118 + 24 * wave(z, 431.0) + 9 * wave(z, 97.0))[:, None, None]
        + (22 * wave(y, 617.0))[None, :, None]
        + (19 * wave(x, 523.0) + 7 * wave(x, 83.0))[None, None, :]
        + 26 * wave(z, 309.0)[:, None, None] * (wave(y, 281.0)[:, None] * wave(x, 337.0)[None, :])[None]
    )
    seed = [73856093, 19349663, 83492791]
    h = [(axis.astype(numpy.uint64) * s + 977 * level).astype(numpy.uint32) for axis, s in zip(axes, seed)]
    noise = h[0][:, None, None] ^ (h[1][:, None] ^ h[2][None, :])[None]
    noise *= numpy.uint32(2654435761)
    noise >>= numpy.uint32(28)
    return numpy.clip(smooth + noise, 1, 255).astype(numpy.uint8)


class Cell:
    """The mitochondria of one crop: ellipsoids in nm, the same for every level of the crop's labels."""

    def __init__(self, seed, first_edge, extent, count):
        random = numpy.random.RandomState(seed)
        self.first_edge, self.extent = numpy.asarray(first_edge), numpy.asarray(extent)
        self.centres = self.first_edge + self.extent * random.uniform(0.05, 0.95, (count, 3))
        self.radii = self.extent * random.uniform(0.08, 0.2, (count, 3))

    def distances(self, voxel, translation, shape):
        """For every mitochondrion: its number, the box it touches, and (distance / radius)² in that box."""
        for number, (centre, radius) in enumerate(zip(self.centres, self.radii)):
            low = numpy.maximum(0, numpy.floor((centre - radius - translation) / voxel)).astype(int)
            high = numpy.minimum(shape, numpy.ceil((centre + radius - translation) / voxel) + 1).astype(int)
            if (high <= low).any():
                continue
            square = [
                ((numpy.arange(a, b) * v + t - c) / r) ** 2
                for a, b, v, t, c, r in zip(low, high, voxel, translation, centre, radius)
            ]
            box = tuple(slice(a, b) for a, b in zip(low, high))
            yield number, box, square[0][:, None, None] + square[1][None, :, None] + square[2][None, None, :]

    def mito(self, voxel, translation, shape, dtype, identifiers, unknown):
        """Instance ids; the later of two touching mitochondria wins; a corner is unknown (255)."""
        out = numpy.zeros(shape, dtype=dtype)
        for number, box, distance in self.distances(voxel, translation, shape):
            out[box][distance <= 1] = identifiers[number]
        if unknown:
            self.corner(out, voxel, translation)[...] = 255
        return out

    def membrane(self, voxel, translation, shape, dtype):
        """1 on the shells of the mitochondria, 0 elsewhere, 255 in the unknown corner."""
        out = numpy.zeros(shape, dtype=dtype)
        for _, box, distance in self.distances(voxel, translation, shape):
            view = out[box]
            view[distance <= 0.6] = 0
            view[(distance <= 1) & (distance > 0.6)] = 1
        self.corner(out, voxel, translation)[...] = 255
        return out

    def everything(self, voxel, translation, shape):
        """The class ids of `all`: 1 outside, 35 cytosol, 3 4 5 of mitochondria, 50 where no more is known."""
        out = numpy.full(shape, 35, dtype=numpy.uint8)
        edge = int(shape[2] * 0.8)
        out[:, :, edge:] = 1
        for number, box, distance in self.distances(voxel, translation, shape):
            view = out[box]
            if number % 3 == 2:
                view[distance <= 1] = 50
            else:
                view[distance <= 1] = 3
                view[distance <= 0.6] = 4
                view[distance <= 0.05] = 5
        return out

    def corner(self, values, voxel, translation):
        """The voxels whose centres lie in the last ninth of every axis."""
        first = [
            int(numpy.ceil((e + 8 / 9 * n - t) / v))
            for e, n, t, v in zip(self.first_edge, self.extent, translation, voxel)
        ]
        return values[tuple(slice(f, None) for f in first)]
