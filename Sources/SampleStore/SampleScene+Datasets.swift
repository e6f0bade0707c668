internal import Geometry

extension SampleScene {
    /// 781 x 856 x 1024 nm of a cell in culture.
    static let hela = SampleScene(
        seed: 2001,
        mitochondria: [
            SampleMitochondrion(
                centre: ZYX(340, 330, 300), direction: ZYX(0.15, 0.5, 1), length: 760, thickness: 230, bend: 60,
                cristaSpacing: 56, seed: 11),
            SampleMitochondrion(
                centre: ZYX(440, 565, 250), direction: ZYX(0.3, 0.5, 1), length: 560, thickness: 170, bend: 50,
                cristaSpacing: 52, seed: 12),
            SampleMitochondrion(
                centre: ZYX(500, 590, 830), direction: ZYX(1, 0.35, 0.25), length: 720, thickness: 230, bend: 40,
                cristaSpacing: 58, seed: 13),
            SampleMitochondrion(
                centre: ZYX(470, 730, 625), direction: ZYX(1, 0.1, -0.1), length: 520, thickness: 170, bend: 30,
                cristaSpacing: 52, seed: 14),
            SampleMitochondrion(
                centre: ZYX(120, 130, 760), direction: ZYX(0.3, 0.2, 1), length: 620, thickness: 200, bend: 40,
                cristaSpacing: 56, seed: 15),
        ],
        cisternae: [
            SampleCisterna(centre: ZYX(300, 150, 430), normal: ZYX(0.2, 1, 0.1), radius: 260),
            SampleCisterna(centre: ZYX(330, 520, 560), normal: ZYX(0.1, 0.5, 1), radius: 230),
            SampleCisterna(centre: ZYX(235, 480, 320), normal: ZYX(0.4, 1, -0.4), radius: 150),
            SampleCisterna(centre: ZYX(560, 730, 800), normal: ZYX(0.4, 1, 0.2), radius: 280),
            SampleCisterna(centre: ZYX(600, 500, 560), normal: ZYX(0.2, 0.3, 1), radius: 220),
            SampleCisterna(centre: ZYX(90, 500, 400), normal: ZYX(1, 0.2, 0.1), radius: 320),
        ],
        vesicles: [
            SampleVesicle(centre: ZYX(250, 250, 480), radius: 38, grey: 190),
            SampleVesicle(centre: ZYX(420, 470, 460), radius: 32, grey: 186),
            SampleVesicle(centre: ZYX(230, 460, 220), radius: 45, grey: 150),
            SampleVesicle(centre: ZYX(600, 700, 660), radius: 40, grey: 188),
            SampleVesicle(centre: ZYX(400, 700, 900), radius: 55, grey: 110),
            SampleVesicle(centre: ZYX(650, 200, 300), radius: 90, grey: 105),
        ],
        imagedWidth: 1024)

    /// 1016 x 1320 x 1448 nm of liver: mitochondria are round and thick, with few cristae, between stacks of
    /// endoplasmic reticulum.
    static let liver = SampleScene(
        seed: 2002,
        mitochondria: [
            SampleMitochondrion(
                centre: ZYX(330, 330, 330), direction: ZYX(0.6, 0.3, 1), length: 500, thickness: 320, bend: 30,
                cristaSpacing: 72, cristaSlant: 0.3, seed: 21),
            SampleMitochondrion(
                centre: ZYX(430, 740, 600), direction: ZYX(0.2, 1, -0.3), length: 560, thickness: 240, bend: 40,
                cristaSpacing: 68, seed: 22),
            SampleMitochondrion(
                centre: ZYX(650, 880, 1040), direction: ZYX(0.4, -0.3, 1), length: 600, thickness: 300, bend: 40,
                cristaSpacing: 72, cristaSlant: 0.25, seed: 23),
            SampleMitochondrion(
                centre: ZYX(720, 1185, 1080), direction: ZYX(1, 0.2, 0.3), length: 520, thickness: 240, bend: 20,
                cristaSpacing: 70, seed: 24),
            SampleMitochondrion(
                centre: ZYX(760, 260, 1080), direction: ZYX(0.2, 0.5, 1), length: 560, thickness: 300, bend: 40,
                cristaSpacing: 72, seed: 25),
            SampleMitochondrion(
                centre: ZYX(820, 700, 320), direction: ZYX(0.2, 1, 0.4), length: 640, thickness: 340, bend: 50,
                cristaSpacing: 74, seed: 26),
        ],
        cisternae: [
            SampleCisterna(centre: ZYX(300, 620, 330), normal: ZYX(0.1, 1, 0.3), radius: 330),
            SampleCisterna(centre: ZYX(300, 700, 330), normal: ZYX(0.1, 1, 0.3), radius: 330),
            SampleCisterna(centre: ZYX(200, 900, 280), normal: ZYX(0.1, 1, 0.2), radius: 300),
            SampleCisterna(centre: ZYX(200, 985, 280), normal: ZYX(0.1, 1, 0.2), radius: 300),
            SampleCisterna(centre: ZYX(200, 1070, 280), normal: ZYX(0.1, 1, 0.2), radius: 280),
            SampleCisterna(centre: ZYX(640, 1080, 900), normal: ZYX(0.2, 1, 0.3), radius: 300),
            SampleCisterna(centre: ZYX(640, 1165, 900), normal: ZYX(0.2, 1, 0.3), radius: 300),
            SampleCisterna(centre: ZYX(700, 520, 1000), normal: ZYX(0.1, 1, -0.4), radius: 360),
            SampleCisterna(centre: ZYX(330, 150, 640), normal: ZYX(0.2, 0.4, 1), radius: 300),
        ],
        vesicles: [
            SampleVesicle(centre: ZYX(240, 520, 560), radius: 60, grey: 110),
            SampleVesicle(centre: ZYX(700, 860, 1300), radius: 45, grey: 188),
            SampleVesicle(centre: ZYX(780, 420, 840), radius: 50, grey: 186),
            SampleVesicle(centre: ZYX(180, 1190, 200), radius: 50, grey: 150),
            SampleVesicle(centre: ZYX(600, 1000, 760), radius: 110, grey: 100),
        ],
        ribosomes: 100)

    /// 417 x 600 x 600 nm of a neuron, with thin mitochondria.
    static let nacc = SampleScene(
        seed: 2003,
        mitochondria: [
            SampleMitochondrion(
                centre: ZYX(190, 230, 320), direction: ZYX(0.2, 0.3, 1), length: 640, thickness: 170, bend: 50,
                cristaSpacing: 50, seed: 31),
            SampleMitochondrion(
                centre: ZYX(260, 455, 300), direction: ZYX(1, 0.3, -0.4), length: 560, thickness: 200, bend: 30,
                cristaSpacing: 54, seed: 32),
        ],
        cisternae: [
            SampleCisterna(centre: ZYX(200, 360, 470), normal: ZYX(0.1, 1, 0.5), radius: 180),
            SampleCisterna(centre: ZYX(120, 100, 200), normal: ZYX(0.1, 1, 0.1), radius: 200),
        ],
        vesicles: [
            SampleVesicle(centre: ZYX(120, 340, 250), radius: 24, grey: 184),
            SampleVesicle(centre: ZYX(140, 390, 190), radius: 22, grey: 184),
            SampleVesicle(centre: ZYX(180, 330, 170), radius: 23, grey: 184),
            SampleVesicle(centre: ZYX(330, 150, 440), radius: 26, grey: 184),
        ],
        ribosomes: 70)

    /// 776 x 968 x 1064 nm of a tubule cell with parallel mitochondria.
    static let kidney = SampleScene(
        seed: 2004,
        mitochondria: [
            SampleMitochondrion(
                centre: ZYX(380, 250, 520), direction: ZYX(0.1, 0.1, 1), length: 1000, thickness: 260, bend: 40,
                cristaSpacing: 52, seed: 41),
            SampleMitochondrion(
                centre: ZYX(400, 620, 480), direction: ZYX(0.2, -0.15, 1), length: 900, thickness: 280, bend: -50,
                cristaSpacing: 54, seed: 42),
            SampleMitochondrion(
                centre: ZYX(130, 820, 800), direction: ZYX(0.1, 0.3, 1), length: 600, thickness: 220, bend: 30,
                cristaSpacing: 52, seed: 43),
        ],
        cisternae: [
            SampleCisterna(centre: ZYX(380, 435, 500), normal: ZYX(0.1, 1, 0), radius: 400),
            SampleCisterna(centre: ZYX(600, 850, 500), normal: ZYX(1, 0.4, 0), radius: 300),
        ],
        vesicles: [SampleVesicle(centre: ZYX(620, 430, 900), radius: 70, grey: 105)])

    /// 320 x 384 x 448 nm of a cell in culture.
    static let cos7 = SampleScene(
        seed: 2005,
        mitochondria: [
            SampleMitochondrion(
                centre: ZYX(160, 200, 220), direction: ZYX(0.2, 0.6, 1), length: 520, thickness: 190, bend: 40,
                cristaSpacing: 54, seed: 51)
        ],
        cisternae: [SampleCisterna(centre: ZYX(160, 60, 330), normal: ZYX(0.1, 1, -0.5), radius: 160)],
        vesicles: [SampleVesicle(centre: ZYX(200, 330, 110), radius: 34, grey: 188)])
}
