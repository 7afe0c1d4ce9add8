//! The component's allocator: free lists for small blocks, the system's allocator for the rest.
//!
//! A page of a listing is half a million small strings, made and dropped within one step, and an instance lives for one
//! step. So a small block is taken from a list of its size and put back there, in a few instructions; a chunk once cut up
//! stays cut up until the instance ends. Invariant: a block is in a list only while nobody owns it, and always in the
//! list of the size it was cut to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// Blocks are cut to multiples of this many bytes, which is also their alignment.
const STEP: usize = 16;
/// Larger blocks, in bytes, are the system's.
const LARGEST: usize = 1_024;
/// How many sizes there are.
const SIZES: usize = LARGEST / STEP;
/// Bytes that are taken from the system at once: as much as WebAssembly grows memory by.
const CHUNK: usize = 64 << 10;

/// A free block; its own first bytes name the next one.
struct Free {
    next: *mut Free,
}

struct Lists {
    free: [*mut Free; SIZES],
    /// What is left of the newest chunk.
    at: *mut u8,
    left: usize,
}

/// See the module.
pub(crate) struct Small(UnsafeCell<Lists>);

// SAFETY: a component has one thread.
unsafe impl Sync for Small {}

impl Small {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(Lists { free: [ptr::null_mut(); SIZES], at: ptr::null_mut(), left: 0 }))
    }
}

/// The list for a block; none when it is the system's. No layout has size 0 here.
fn list(layout: Layout) -> Option<usize> {
    (layout.size() <= LARGEST && layout.align() <= STEP).then(|| (layout.size() - 1) / STEP)
}

impl Lists {
    /// Cut a block off the newest chunk. What is left of the one before is too small for this size, and is lost.
    #[cold]
    fn cut(&mut self, list: usize) -> *mut u8 {
        let size = (list + 1) * STEP;
        if self.left < size {
            // SAFETY: the layout is a constant, not empty, and its alignment a power of two.
            let chunk = unsafe { System.alloc(Layout::from_size_align_unchecked(CHUNK, STEP)) };
            if chunk.is_null() {
                return chunk;
            }
            (self.at, self.left) = (chunk, CHUNK);
        }
        let block = self.at;
        // SAFETY: at least `size` bytes of the chunk are left behind `at`.
        self.at = unsafe { block.add(size) };
        self.left -= size;
        block
    }
}

// SAFETY: a block is given out once until it comes back, is at least as large and aligned as asked, and goes back to
// where it came from, because that depends on its layout alone.
unsafe impl GlobalAlloc for Small {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(list) = list(layout) else { return unsafe { System.alloc(layout) } };
        let lists = unsafe { &mut *self.0.get() };
        let block = lists.free[list];
        if block.is_null() {
            return lists.cut(list);
        }
        lists.free[list] = unsafe { (*block).next };
        block.cast()
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(list) = list(layout) else { return unsafe { System.dealloc(block, layout) } };
        let lists = unsafe { &mut *self.0.get() };
        let block = block.cast::<Free>();
        unsafe { (*block).next = lists.free[list] };
        lists.free[list] = block;
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (list(layout), list(new)) {
            (None, None) => unsafe { System.realloc(block, layout, size) },
            (from, to) if from == to => block,
            _ => {
                let moved = unsafe { self.alloc(new) };
                if !moved.is_null() {
                    unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(size)) };
                    unsafe { self.dealloc(block, layout) };
                }
                moved
            }
        }
    }
}
