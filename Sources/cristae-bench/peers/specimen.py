"""What the benchmark's voxels look like: electron microscopy with sensor noise, and instances of organelles.

Both are a periodic tile, made once, of which each block of a larger array shows another part: turned, mirrored and offset
as its index says. A block is therefore a function of its index alone, and any process can make it.
"""

import functools

import numpy
from scipy import fft

EDGE = 256
INSTANCES = 107
BYTE_IDS = 200


def smooth(random, edge, width):
    """Noise of the standard deviation 1 that changes over about `width` voxels, periodic."""
    spectrum = fft.rfftn(random.standard_normal((edge, edge, edge), dtype=numpy.float32), workers=2)
    for axis, frequencies in enumerate((fft.fftfreq(edge), fft.fftfreq(edge), fft.rfftfreq(edge))):
        shape = [1, 1, 1]
        shape[axis] = -1
        spectrum *= numpy.exp(-2 * (numpy.pi * width * frequencies) ** 2).astype(numpy.float32).reshape(shape)
    field = fft.irfftn(spectrum, s=(edge, edge, edge), workers=2)
    return field / field.std()


@functools.cache
def em_tile(edge=EDGE):
    """uint8: cytoplasm in soft blobs, dark membranes where a slower field changes its sign, and Gaussian sensor noise."""
    random = numpy.random.default_rng(20240817)
    values = 142 + 7 * smooth(random, edge, 5)
    for width, depth in ((14, 46), (24, 34)):
        field = smooth(random, edge, width)
        values -= depth * numpy.exp(-((field * width / 2.2) ** 2))
    values += 2.8 * random.standard_normal((edge, edge, edge), dtype=numpy.float32)
    return numpy.clip(numpy.rint(values), 1, 255).astype(numpy.uint8)


def walk(random, radius):
    """The centres of the balls that make up one organelle: a tube for two in three, else a short blob."""
    point, direction = random.uniform(0, EDGE, 3), random.standard_normal(3)
    for _ in range(random.integers(14, 40) if random.random() < 0.67 else 3):
        yield point
        direction += 0.35 * random.standard_normal(3)
        direction /= numpy.linalg.norm(direction)
        point = point + direction * radius * 0.6


@functools.cache
def label_tile(edge=EDGE):
    """uint16: 0 in about 60 % of the voxels, else the number of one of `INSTANCES` tubes and blobs, from 1."""
    random = numpy.random.default_rng(7)
    out = numpy.zeros((edge, edge, edge), numpy.uint16)
    for number in range(1, INSTANCES + 1):
        radius = random.uniform(8, 17) * edge / EDGE
        for centre in walk(random, radius):
            first = numpy.floor(centre * edge / EDGE - radius).astype(int)
            axes = [numpy.arange(f, f + int(2 * radius) + 2) for f in first]
            square = [((a - c * edge / EDGE) / radius) ** 2 for a, c in zip(axes, centre)]
            inside = square[0][:, None, None] + square[1][None, :, None] + square[2][None, None, :] <= 1
            box = numpy.ix_(*(a % edge for a in axes))
            out[box] = numpy.where(inside, number, out[box])
    return out


def part(tile, index, shape):
    """The part of a periodic tile that the block `index` shows: another place, and each axis this way or that."""
    random = numpy.random.default_rng([11, *(int(i) for i in index)])
    axes = []
    for count, edge in zip(shape, tile.shape):
        places = (random.integers(edge) + numpy.arange(count)) % edge
        axes.append(places[::-1] if random.integers(2) else places)
    return tile[numpy.ix_(*axes)]


def em_block(index, shape, dtype="u1"):
    """Raw voxels of one block: uint8, or uint16 with about 12 significant bits."""
    values = part(em_tile(), index, shape)
    if numpy.dtype(dtype) == numpy.uint8:
        return values
    return (values.astype(dtype) << 4) | (part(em_tile(), (*index, 1), shape) & 15)


def label_block(index, shape, dtype="u2", blocks=1):
    """Instances of one block, ids of its own as far as the type has them; those of four and eight bytes are large."""
    values, dtype = part(label_tile(), index, shape), numpy.dtype(dtype)
    number = 0
    for i in index:
        number = number * blocks + int(i)
    names = numpy.arange(INSTANCES + 1, dtype=numpy.uint64) + numpy.uint64(number * INSTANCES)
    names = {1: names % BYTE_IDS + 1, 2: names % 60000 + 1, 4: (names * 7919 + 70001) % 2**32,
             8: names * (2**31 + 11) + 2**33}[dtype.itemsize]
    names[0] = 0
    return names.astype(dtype)[values]
