// Loaded into a handset process of the memory benchmark: SIGUSR2 collects garbage, so that what is left is what is kept.

process.on("SIGUSR2", () => {
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  collect?.();
});
