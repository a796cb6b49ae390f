// The bearer token that lets a TCP client change things. It comes from a file only its owner's
// group may read, is compared in constant time and has no way out of this object.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::serve {

/// 16 characters of base64 are 96 bits: nobody guesses them over HTTP.
inline constexpr std::size_t kTokenBytesMin = 16;
inline constexpr std::size_t kTokenBytesMax = 1024;

class Token {
 public:
  /// Reads the file and drops white space around the token. ConfigUnreadable when it cannot be
  /// read, Permission when others may read or write it, ConfigBadValue when what is in it is too
  /// short, too long or not printable ASCII without spaces (RFC 6750 b64token and more).
  static Result<Token> load(const std::filesystem::path& file);

  /// Whether an Authorization header presents this token ("Bearer ..."). Takes the same time for
  /// every wrong token of one length.
  [[nodiscard]] bool presented_by(std::string_view authorization) const;

 private:
  explicit Token(std::string secret) : secret_(std::move(secret)) {}
  std::string secret_;
};

}  // namespace pgkeel::serve
