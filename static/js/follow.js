/* [data-follow]: stays at the end while text comes, until the person scrolls up; then [data-follow-jump] inside it appears. */
import { mount } from "./mount.js";

const NEAR = 48;

function scrollerOf(element) {
  for (let box = element; box && box !== document.body; box = box.parentElement) {
    const { overflowY } = getComputedStyle(box);
    if (overflowY === "auto" || overflowY === "scroll") return box;
  }
  return document.scrollingElement;
}

function follow(element) {
  const jump = element.querySelector("[data-follow-jump]");
  let following = true;
  let scroller = scrollerOf(element);
  const left = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;

  const show = () => jump && (jump.hidden = following);
  let last = scroller.scrollTop;
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
    last = scroller.scrollTop;
  };
  const grew = () => {
    scroller = scrollerOf(element);
    if (following && element.dataset.follow !== "off") toEnd();
    else if (left() < NEAR) following = true;
    show();
  };
  // Only the person's own movement ends following: growth of the text fires scroll events too, on its way down.
  const moved = () => {
    if (!element.isConnected) {
      document.removeEventListener("scroll", moved, { capture: true });
      return;
    }
    if (scroller.scrollTop < last - 2 && left() > NEAR) following = false;
    else if (left() < NEAR) following = true;
    last = scroller.scrollTop;
    show();
  };

  document.addEventListener("scroll", moved, { capture: true, passive: true });
  jump?.addEventListener("click", () => {
    following = true;
    toEnd();
    show();
  });
  new MutationObserver(grew).observe(element, { childList: true, subtree: true, characterData: true });
  show();
}

mount("[data-follow]", follow);
