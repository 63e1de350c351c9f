/** Activations as WGSL's `activate`. An exponent beyond 87 would leave float32; what it makes of x is zero long before. */

export type Activation = "silu" | "gelu";

const activate = (inner: string) => /* wgsl */ `
fn activate(x: f32) -> f32 { return x / (1.0 + exp(min(-(${inner}), 87.0))); }
`;

/** GELU in its tanh form, which is a sigmoid of twice the argument: 2·√(2/π) is 1.595769…. */
export const activations: Readonly<Record<Activation, string>> = {
  silu: activate("x"),
  gelu: activate("1.5957691216057308 * (x + 0.044715 * x * x * x)"),
};
