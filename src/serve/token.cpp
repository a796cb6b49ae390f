// Reading the token through one descriptor, so that the file judged is the file read.
#include "serve/token.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>

#include <fmt/format.h>

#include "runtime/fd.hpp"

namespace pgkeel::serve {
namespace {

std::unexpected<Error> bad_token(const std::filesystem::path& file, std::string_view what) {
  auto error = Error(ErrorCode::ConfigBadValue,
                     fmt::format("the token in http.token_file {} {}", file.string(), what));
  return fail(std::move(error).with_hint(
      "Write a random one: openssl rand -hex 32 > FILE && chmod 600 FILE"));
}

std::unexpected<Error> unreadable(const std::filesystem::path& file, int err) {
  auto error = Error::from_errno(err, fmt::format("read http.token_file {}", file.string()));
  error.code = ErrorCode::ConfigUnreadable;
  error.hint_override.clear();
  return fail(std::move(error));
}

Result<> check_mode(const std::filesystem::path& file, int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return unreadable(file, errno);
  if (!S_ISREG(facts.st_mode)) return bad_token(file, "is not in a regular file");
  if ((facts.st_mode & (S_IRWXO | S_IWGRP)) == 0) return {};
  auto error = Error(ErrorCode::Permission, fmt::format("http.token_file {} is open to others "
                                                        "(mode {:04o})",
                                                        file.string(), facts.st_mode & 07777U));
  return fail(std::move(error).with_hint(
      fmt::format("Run: chmod 600 {} -- and make a new token if it was readable.", file.string())));
}

Result<std::string> read_bounded(const std::filesystem::path& file, int fd) {
  std::array<char, kTokenBytesMax + 2> buffer{};  // a longer one is seen to be longer
  std::size_t size = 0;
  while (size < buffer.size()) {
    const auto got = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(file, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return std::string(buffer.data(), size);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool visible(char letter) { return letter > ' ' && letter < 0x7f; }

// The volatile sum keeps the compiler from leaving the loop early.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned difference = 0;
  for (std::size_t at = 0; at < a.size(); ++at)
    difference = difference | static_cast<unsigned>(static_cast<unsigned char>(a[at]) ^
                                                    static_cast<unsigned char>(b[at]));
  return difference == 0;
}

}  // namespace

Result<Token> Token::load(const std::filesystem::path& file) {
  const runtime::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return unreadable(file, errno);
  TRY_VOID(check_mode(file, fd.get()));
  TRY(content, read_bounded(file, fd.get()));
  const auto secret = trim(content);
  if (secret.size() < kTokenBytesMin)
    return bad_token(file, fmt::format("is shorter than {} characters", kTokenBytesMin));
  if (secret.size() > kTokenBytesMax)
    return bad_token(file, fmt::format("is longer than {} characters", kTokenBytesMax));
  if (!std::ranges::all_of(secret, visible))
    return bad_token(file, "has characters other than visible ASCII");
  return Token(std::string(secret));
}

bool Token::presented_by(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return false;
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  if (!std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme, same)) return false;
  return equal_in_constant_time(trim(authorization.substr(kScheme.size())), secret_);
}

}  // namespace pgkeel::serve
