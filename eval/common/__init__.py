"""What the scripts of `eval/` share: options, kept work, result files, Markdown, indices, benchmarks."""
