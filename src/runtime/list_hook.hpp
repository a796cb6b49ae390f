// A link of a circular list whose members leave it by themselves when they are destroyed. The
// list's head is a ListHook too. Private to the room: it lets a coroutine frame be destroyed at any
// moment without leaving a pointer to itself in the loop.
#pragma once

namespace pgkeel::runtime::detail {

struct ListHook {
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  [[nodiscard]] bool linked() const { return next != this; }
  void unlink() {
    prev->next = next;
    next->prev = prev;
    prev = next = this;
  }
  /// On a head: adds `member`, which must be in no list, at the end.
  void append(ListHook& member) {
    member.prev = prev;
    member.next = this;
    prev->next = &member;
    prev = &member;
  }
  /// On an empty head: takes over every member of `other`.
  void take_all(ListHook& other) {
    if (!other.linked()) return;
    other.append(*this);
    other.unlink();
  }

  ListHook* prev = this;
  ListHook* next = this;
};

}  // namespace pgkeel::runtime::detail
