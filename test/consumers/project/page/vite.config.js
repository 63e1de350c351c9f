// How long plugins took is no complaint about what is built.
const rolldownOptions = { checks: { pluginTimings: false } };

export default {
  build: { rolldownOptions },
  worker: { format: "es", rolldownOptions },
  logLevel: "warn",
};
