// SPDX-License-Identifier: MIT
/* Where a function lies in its file, which is what a uprobe wants to know. */
#include "event.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* From the address that a symbol has to the byte of the file that is mapped there. */
static int file_offset(Elf *elf, uint64_t address, uint64_t *offset)
{
	GElf_Phdr segment;
	size_t nr;

	if (elf_getphdrnum(elf, &nr))
		return -EBADMSG;
	for (size_t i = 0; i < nr; i++) {
		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
		    address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz)
			continue;
		*offset = address - segment.p_vaddr + segment.p_offset;
		return 0;
	}
	return -ENOENT;
}

/* One table of symbols: the value of a function, -ENOENT.  @nearest may be NULL. */
static int search(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct event_word symbol,
		  uint64_t *value, struct event_nearest *nearest)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t nr = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	const char *name;
	GElf_Sym sym;

	for (size_t i = 0; data && i < nr; i++) {
		if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF ||
		    GELF_ST_TYPE(sym.st_info) != STT_FUNC)
			continue;
		name = elf_strptr(elf, header->sh_link, sym.st_name);
		if (!name)
			continue;
		if (perfring_event_word_is(symbol, name)) {
			*value = sym.st_value;
			return 0;
		}
		if (nearest)
			perfring_event_nearest(nearest, name);
	}
	return -ENOENT;
}

static int find(Elf *elf, struct event_word symbol, uint64_t *offset,
		struct event_nearest *nearest)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	uint64_t value;

	if (elf_kind(elf) != ELF_K_ELF)
		return -EBADMSG;
	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header) ||
		    (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM))
			continue;
		if (!search(elf, section, &header, symbol, &value, nearest))
			return file_offset(elf, value, offset);
	}
	return -ENOENT;
}

int perfring_event_elf_symbol(const char *path, struct event_word symbol, uint64_t *offset,
			      struct event_nearest *nearest)
{
	int fd, err = -EBADMSG;
	struct stat st;
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -EOPNOTSUPP;
	/* A FIFO would make this wait for who writes it. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	elf = fstat(fd, &st) || !S_ISREG(st.st_mode) ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf) {
		err = find(elf, symbol, offset, NULL);
		/* Nearest names take much longer than the name itself. */
		if (err == -ENOENT)
			find(elf, symbol, offset, nearest);
		elf_end(elf);
	}
	close(fd);
	return err;
}
