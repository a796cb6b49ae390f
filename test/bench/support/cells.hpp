// What a benchmark measured, and its form for people and programs: the contract's "Benchmark
// result". `holds` is computed from the limit, never set by hand.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeel::bench {

/// Another program, measured in the same run.
struct Peer {
  double value = 0;
  std::string name;
};

struct Cell {
  std::string name;
  std::string unit;
  double ours = 0;
  /// The target: on ours/peer where there is a peer, else on `ours`; none: reported, not judged.
  std::optional<double> at_most = {};
  std::optional<Peer> peer = {};
  std::optional<double> at_least = {};  ///< the same for what should be large
};

/// Middle value; of an even number the lower one. `values` must not be empty.
[[nodiscard]] double median(std::vector<double> values);

/// One JSON object: {"bench", "machine", "cells": [...]}.
[[nodiscard]] std::string to_json(std::string_view bench, std::span<const Cell> cells);
/// A table for people.
[[nodiscard]] std::string to_table(std::span<const Cell> cells);

/// The whole of a benchmark that takes nothing but --json: measures, prints, and says as the exit
/// code whether the run was valid.
int run_bench(std::string_view bench, std::span<char*> arguments,
              const std::function<std::vector<Cell>()>& measure);

}  // namespace pgkeel::bench
