// A server's answer to settings_query() or named_settings_query(), row by row: which settings its
// session has, and whether another session can be given them. It guarantees: a set that is whole,
// or an error; never a part of one. It refuses what changes how texts are read
// (standard_conforming_strings, an encoding in which a letter may hide a quote), and values beyond
// ASCII that were said in an encoding of the session's own.
#pragma once

#include <optional>
#include <vector>

#include "gateway/session/settings.hpp"
#include "pg/wire/message_collector.hpp"

namespace pgkeel::gateway {

class SettingsAnswer {
 public:
  struct Read {
    SettingsSet settings;                    ///< application_name left out
    std::optional<std::string> application;  ///< nothing: it was not among them
  };

  /// A DataRow.
  void add(const pg::wire::Message& row);
  /// Behind the last; `others`: those that were not asked for, which are as they were.
  /// NotSupported: no other session can have them; Malformed: it was no answer.
  [[nodiscard]] Result<Read> finish(SettingsTable& table, const SettingsSet& others = {});

 private:
  struct Row {
    std::string name;
    std::optional<std::string> value;
  };
  // Settings of a server, its extensions' included, are some hundreds.
  static constexpr std::size_t kRowsMost = 1000;

  std::vector<Row> rows_;
  bool malformed_ = false;
};

}  // namespace pgkeel::gateway
