// Runs before the first paint, so that a chosen theme never flashes.
try {
  document.documentElement.dataset.theme = localStorage.getItem("argy_theme") || "auto";
} catch {
  document.documentElement.dataset.theme = "auto";
}
