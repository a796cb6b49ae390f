// A password file is written by hand. Goal: whatever is in it, it is read or refused in bounds; a
// user that was written as PgBouncer would is found with the same password.
#include "gateway/credentials/password_file.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

namespace {

using namespace pgkeel::gateway;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

bool fits(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         text.find_first_of(std::string_view("\0\n", 2)) == std::string_view::npos;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const auto text = pgkeel::test::text_of(input, size);
  if (const auto file = PasswordFile::parse(text); !file)
    CHECK(file.error().detail.starts_with("line "));
  const auto cut = std::min(text.find(' '), text.size());
  const auto user = text.substr(0, cut);
  const auto password = text.substr(std::min(cut + 1, text.size()));
  if (!fits(user, 63) || !fits(password, kPasswordBytesMost)) return 0;
  const auto file = PasswordFile::parse(quoted(user) + " " + quoted(password));
  CHECK(file.has_value() == parse_stored_password(password).has_value());
  const auto* found = file ? file->find(user) : nullptr;
  CHECK(!file || found != nullptr);
  if (found != nullptr)
    if (const auto* plain = std::get_if<PlainPassword>(found))
      CHECK(plain->text.view() == password);
  return 0;
}
