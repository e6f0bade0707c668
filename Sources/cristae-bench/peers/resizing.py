"""One array in memory to a smaller one, with each library's own function for raw data or labels."""

from measure import Measurement


def whole(factor):
    if factor != int(factor):
        raise SystemExit(f"this library has whole factors only, not {factor}")
    return int(factor)


def skimage(what, factor):
    import numpy
    from skimage.transform import rescale

    def raw(values):
        out = rescale(values, 1 / factor, order=1, anti_aliasing=True, preserve_range=True)
        return numpy.rint(out).astype(values.dtype)

    def labels(values):
        return rescale(values, 1 / factor, order=0, anti_aliasing=False, preserve_range=True).astype(values.dtype)

    return raw if what == "raw" else labels


def scipy(what, factor):
    from scipy import ndimage
    return lambda values: ndimage.zoom(values, 1 / factor, order=1 if what == "raw" else 0)


def tensorstore(what, factor):
    import numpy
    import tensorstore
    factors, method = [whole(factor)] * 3, "mean" if what == "raw" else "mode"

    def work(values):
        """In slabs: each is one task of its pool, while one read of the whole, or a write into an array, is one thread's."""
        source = tensorstore.downsample(tensorstore.array(values), factors, method)
        out = numpy.empty(source.shape, values.dtype)
        slabs = [slice(z, min(z + 16, len(out))) for z in range(0, len(out), 16)]
        reads = [source[slab].read() for slab in slabs]
        for slab, read in zip(slabs, reads):
            out[slab] = read.result()
        return out

    return work


def tinybrain(what, factor):
    import tinybrain as library
    if whole(factor) != 2:
        raise SystemExit(f"2x2x2 is what this library is made for, not {factor}")
    function = library.downsample_with_averaging if what == "raw" else library.downsample_segmentation
    # It is fastest on x, y, z in Fortran order, which is what the transpose of this array is.
    return lambda values: function(values.T, (2, 2, 2), num_mips=1, sparse=False)[0].T


def resize(options):
    import numpy
    values = numpy.load(options.file)
    work = {"skimage": skimage, "scipy": scipy, "tensorstore": tensorstore, "tinybrain": tinybrain}[options.library](
        options.what, options.factor)
    work(numpy.ascontiguousarray(values[:32, :32, :32]))
    with Measurement() as measurement:
        out = work(values)
    wanted = [round(n / options.factor) for n in values.shape]
    if any(abs(a - b) > 1 for a, b in zip(out.shape, wanted)) or out.dtype != values.dtype:
        raise SystemExit(f"{out.shape} {out.dtype} came out, {wanted} {values.dtype} expected")
    return measurement.report(library=options.library, what=options.what, factor=options.factor, voxels=values.size,
                              bytes=values.nbytes, shape=list(out.shape), mean=round(float(out.mean()), 4))
