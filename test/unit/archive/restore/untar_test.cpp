// Reading tars: members, their content, and every way of being no tar.
#include "archive/restore/untar.hpp"

#include <gmock/gmock.h>

#include <cstring>

namespace pgkeel::archive {
namespace {

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    const auto count = std::min({into.size(), text_.size() - at_, std::size_t{700}});
    std::memcpy(into.data(), text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

std::string member(const std::string& name, const std::string& content,
                   TarMember::Type type = TarMember::Type::File) {
  TarMember header;
  header.name = name;
  header.type = type;
  header.size_bytes = content.size();
  const auto block = make_tar_header(header).value();
  std::string text(reinterpret_cast<const char*>(block.data()), block.size());
  text += content;
  text.resize(kTarBlockBytes + header.padded_bytes());
  return text;
}
std::string end() { return std::string(kTarEndBytes, '\0'); }

std::string content_of(TarReader& tar) {
  std::string text;
  std::array<std::byte, 333> buffer{};
  while (true) {
    const auto got = tar.read(buffer);
    if (!got || *got == 0) return text;
    text.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
}

ErrorCode outcome(const std::string& text) {
  TextSource source(text);
  TarReader tar(source);
  while (true) {
    const auto next = tar.next();
    if (!next) return next.error().code;
    if (!*next) return ErrorCode::Failed;  // the true end
  }
}

TEST(TarReader, GivesMembersAndTheirContent) {
  // Goal: content of any length, skipped or read, leads to the next member (D10).
  const std::string large(5000, 'x');
  TextSource source(member("./base/1/2", large) + member("skipped", "abc") +
                    member("base/", "", TarMember::Type::Directory) + member("last", "z") + end() +
                    std::string(8192, '\0'));
  TarReader tar(source);
  auto first = tar.next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->name, "base/1/2");
  EXPECT_EQ(content_of(tar), large);
  EXPECT_EQ(tar.next().value()->name, "skipped");
  const auto directory = tar.next().value();
  EXPECT_EQ(directory->kind, MemberKind::Directory);
  EXPECT_EQ(directory->name, "base");
  EXPECT_EQ(tar.next().value()->name, "last");
  EXPECT_FALSE(*tar.next());
}

TEST(TarReader, RefusesWhatLeavesItsDirectoryOrIsCut) {
  // Goal: no name from an archive writes outside, and a cut tar is never a whole one (X4).
  EXPECT_EQ(outcome(member("a", "1") + end()), ErrorCode::Failed);
  for (const char* name : {"/etc/passwd", "../up", "a/../../b"})
    EXPECT_EQ(outcome(member(name, "1") + end()), ErrorCode::Malformed) << name;
  EXPECT_EQ(outcome(member("a", "", TarMember::Type::HardLink) + end()), ErrorCode::Malformed);
  const auto whole = member("a", std::string(1000, 'x')) + end();
  for (std::size_t size = 0; size < whole.size() - kTarEndBytes; size += 100)
    EXPECT_EQ(outcome(whole.substr(0, size)), ErrorCode::Malformed) << size;
  EXPECT_EQ(outcome(whole + "more"), ErrorCode::Malformed);
}

}  // namespace
}  // namespace pgkeel::archive
