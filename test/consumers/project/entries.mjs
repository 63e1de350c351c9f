// Every entry of every package loads. The entries come as arguments.
for (const entry of process.argv.slice(2)) {
  const names = Object.keys(await import(entry));
  console.log(`${entry}: ${names.length}`);
}
