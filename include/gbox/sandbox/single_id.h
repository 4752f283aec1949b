// The calls that a step makes about owners, devices and its own ids, answered by gbox where the
// host lets it map one id only: chown, mknod, setgroups and set*id do what they say as far as
// anything can see that asks by stat, get*id or in the image. Owners and devices are recorded on
// the inodes (gbox/sys/owner.h), the ids of processes in the kernel (credentials.h).
//
// No boundary is made of this. The kernel gives a step what it may do whatever is emulated: in
// there, every process is the one id that is mapped, with the policy's capabilities over the step's
// namespaces, and the store is out of its sight. What a handler reads of a step can change at once;
// so a handler resolves a name once, to a descriptor beneath the caller's own root, and acts on
// that descriptor alone. All that it writes is records on inodes that the step could write to
// itself.
//
// What is not emulated: an emulated user who is not 0 is kept from nothing but chown, mknod of
// devices and changing its ids; what is made by openat2(2), O_TMPFILE, bind(2) or through a link
// that leads nowhere is root's until it is given away; a program with the setuid bit does not
// change the ids of who runs it; /proc/PID/status and the auxiliary vector show 0; ACLs cannot name
// other ids than 0; x32 programs get ENOSYS.
#pragma once

#include "gbox/sandbox/notified.h"

namespace gbox::sandbox {

// For one sandbox. Handlers that `notified` has already stay.
void emulate_ids(Notified& notified);

}  // namespace gbox::sandbox
