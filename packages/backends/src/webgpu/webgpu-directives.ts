/**
 * WGSL wants what a program enables before all else, and TensorFlow.js puts its own declarations in front of a program's
 * code. Here the directives of any program come first.
 */
import type { GpuDevice } from "./webgpu-device.js";

const directive = /^[ \t]*enable [\w, ]+;[ \t]*$/gm;

export function putDirectivesFirst(device: Pick<GpuDevice, "createShaderModule">): void {
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = ({ code, ...descriptor }) =>
    create({ ...descriptor, code: withDirectivesFirst(code) });
}

function withDirectivesFirst(code: string): string {
  const directives = code.match(directive)?.map((line) => line.trim());
  return directives ? [...new Set(directives), code.replace(directive, "")].join("\n") : code;
}
