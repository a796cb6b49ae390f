// A password file, for servers whose verifiers nobody may read, as those of managed services: the
// format of PgBouncer's userlist.txt, so that the same file serves. A line is
//   "user" "password, or SCRAM-SHA-256$..., or md5..."
// with quotes doubled inside; lines that begin with ; or # are comments, and what follows the
// second text is ignored. It guarantees: bounded; an error names its line and repeats nothing of
// it. It refuses to read a file: the text comes in. https://www.pgbouncer.org/config.html
#pragma once

#include <map>

#include "gateway/credentials/stored_password.hpp"

namespace pgkeel::gateway {

/// A hundred thousand users with SCRAM verifiers.
inline constexpr std::size_t kPasswordFileBytesMost = 16U << 20U;
/// As PgBouncer: tokens that clouds give for passwords are longer than a thousand.
inline constexpr std::size_t kPasswordBytesMost = 2048;

class PasswordFile {
 public:
  /// ConfigSyntax: a line that is none, a text without its end, a user twice; ConfigBadValue: a
  /// name or password too long or empty, a broken verifier; the file too long.
  [[nodiscard]] static Result<PasswordFile> parse(std::string_view text);

  /// Null when the file does not name that user.
  [[nodiscard]] const StoredPassword* find(std::string_view user) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::size_t line = 0;
    StoredPassword password;
  };
  [[nodiscard]] Result<void> take_line(std::string_view line, std::size_t number);
  [[nodiscard]] Result<void> add(std::string user, std::string_view password, std::size_t number);

  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace pgkeel::gateway
