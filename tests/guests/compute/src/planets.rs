//! The sun and its four largest planets, moved by their gravity. Lengths are in astronomical units, times in days.

use std::f64::consts::PI;

/// One step, in days.
const STEP: f64 = 0.01;
/// The sun's mass, for which a year and the distance of the earth come out as one each.
const SUN: f64 = 4.0 * PI * PI;
const YEAR: f64 = 365.24;

/// One body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    place: [f64; 3],
    speed: [f64; 3],
    mass: f64,
}

fn body(place: [f64; 3], speed: [f64; 3], mass: f64) -> Body {
    Body {
        place,
        speed: speed.map(|it| it * YEAR),
        mass: mass * SUN,
    }
}

/// Sun, Jupiter, Saturn, Uranus and Neptune. The sun moves so that their common centre does not.
pub(crate) fn bodies() -> [Body; 5] {
    let mut bodies = [
        body([0.0; 3], [0.0; 3], 1.0),
        body(
            [
                4.841_431_442_464_72,
                -1.160_320_044_027_428_4,
                -0.103_622_044_471_123_11,
            ],
            [
                0.001_660_076_642_744_037,
                0.007_699_011_184_197_404,
                -6.904_600_169_720_63e-5,
            ],
            0.000_954_791_938_424_326_6,
        ),
        body(
            [
                8.343_366_718_244_58,
                4.124_798_564_124_305,
                -0.403_523_417_114_321_4,
            ],
            [
                -0.002_767_425_107_268_624,
                0.004_998_528_012_349_172,
                2.304_172_975_737_639_3e-5,
            ],
            0.000_285_885_980_666_130_8,
        ),
        body(
            [
                12.894_369_562_139_13,
                -15.111_151_401_698_631,
                -0.223_307_578_892_655_73,
            ],
            [
                0.002_964_601_375_647_616,
                0.002_378_471_739_594_809_5,
                -2.965_895_685_402_375_6e-5,
            ],
            4.366_244_043_351_563e-5,
        ),
        body(
            [
                15.379_697_114_850_917,
                -25.919_314_609_987_964,
                0.179_258_772_950_371_18,
            ],
            [
                0.002_680_677_724_903_893_2,
                0.001_628_241_700_382_423,
                -9.515_922_545_197_159e-5,
            ],
            5.151_389_020_466_114_5e-5,
        ),
    ];
    let mut momentum = [0.0; 3];
    for body in &bodies {
        for (sum, speed) in momentum.iter_mut().zip(body.speed) {
            *sum += speed * body.mass;
        }
    }
    bodies[0].speed = momentum.map(|it| -it / SUN);
    bodies
}

fn between(one: &Body, other: &Body) -> [f64; 3] {
    let ([a, b, c], [d, e, f]) = (one.place, other.place);
    [a - d, b - e, c - f]
}

fn square([x, y, z]: [f64; 3]) -> f64 {
    x * x + y * y + z * z
}

/// Moves all by one step.
pub(crate) fn advance(bodies: &mut [Body; 5]) {
    for i in 0..bodies.len() {
        let (before, after) = bodies.split_at_mut(i + 1);
        let one = &mut before[i];
        for other in after {
            let apart = between(one, other);
            let square = square(apart);
            let pull = STEP / (square * square.sqrt());
            for (axis, apart) in apart.into_iter().enumerate() {
                one.speed[axis] -= apart * other.mass * pull;
                other.speed[axis] += apart * one.mass * pull;
            }
        }
    }
    for body in bodies {
        for (place, speed) in body.place.iter_mut().zip(body.speed) {
            *place += STEP * speed;
        }
    }
}

/// Kinetic energy, less what the bodies have lost by being so near to one another.
pub(crate) fn energy(bodies: &[Body; 5]) -> f64 {
    let mut energy = 0.0;
    for (i, one) in bodies.iter().enumerate() {
        energy += 0.5 * one.mass * square(one.speed);
        for other in &bodies[i + 1..] {
            energy -= one.mass * other.mass / square(between(one, other)).sqrt();
        }
    }
    energy
}
