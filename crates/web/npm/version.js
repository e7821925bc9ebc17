// The version of this package; `build` holds it against package.json and the crate.

export const version = "0.1.0";
