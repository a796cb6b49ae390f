// What a byte may begin to PostgreSQL's scanner: one table look-up for each byte that is no literal
// and no comment. Bytes of 0x80 and above belong to names, in every encoding.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pgkeel::gateway::sql {

enum class ByteClass : std::uint8_t {
  Other,
  Space,
  Quote,
  DoubleQuote,
  Minus,
  Slash,
  Nul,
  // What goes on a name.
  Letter,
  Digit,
  Dollar,
};

[[nodiscard]] constexpr std::array<ByteClass, 256> byte_classes() {
  std::array<ByteClass, 256> classes{};
  // \v is a space since 16, and an error to those before.
  for (const unsigned c : {0x20U, 0x09U, 0x0aU, 0x0bU, 0x0cU, 0x0dU}) classes[c] = ByteClass::Space;
  for (unsigned c = 'a'; c <= 'z'; ++c) classes[c] = classes[c - 'a' + 'A'] = ByteClass::Letter;
  for (unsigned c = 0x80; c <= 0xff; ++c) classes[c] = ByteClass::Letter;
  for (unsigned c = '0'; c <= '9'; ++c) classes[c] = ByteClass::Digit;
  classes['_'] = ByteClass::Letter;
  classes['\''] = ByteClass::Quote;
  classes['"'] = ByteClass::DoubleQuote;
  classes['$'] = ByteClass::Dollar;
  classes['-'] = ByteClass::Minus;
  classes['/'] = ByteClass::Slash;
  classes[0] = ByteClass::Nul;
  return classes;
}

inline constexpr auto kByteClasses = byte_classes();

[[nodiscard]] constexpr ByteClass class_of(char byte) {
  return kByteClasses[static_cast<unsigned char>(byte)];
}
[[nodiscard]] constexpr bool is_space(char byte) { return class_of(byte) == ByteClass::Space; }
[[nodiscard]] constexpr bool is_digit(char byte) { return class_of(byte) == ByteClass::Digit; }
[[nodiscard]] constexpr bool is_high(char byte) { return static_cast<unsigned char>(byte) >= 0x80; }
/// A byte that goes on a name.
[[nodiscard]] constexpr bool is_name_byte(char byte) { return class_of(byte) >= ByteClass::Letter; }
/// ASCII only, as the server folds keywords and the names of settings.
[[nodiscard]] constexpr char to_lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

}  // namespace pgkeel::gateway::sql
