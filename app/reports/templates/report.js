(() => {
  const hint = document.createElement("div");
  hint.id = "hint";
  hint.setAttribute("aria-hidden", "true");
  document.body.append(hint);
  for (const mark of document.querySelectorAll("svg .m")) {
    const title = mark.querySelector(":scope > title");
    if (!title) continue;
    mark.dataset.hint = title.textContent;
    mark.setAttribute("aria-label", title.textContent);
    title.remove();
  }
  const show = (event) => {
    const mark = event.target.closest && event.target.closest("[data-hint]");
    hint.classList.toggle("on", !!mark);
    if (!mark) return;
    hint.textContent = mark.dataset.hint;
    const room = hint.getBoundingClientRect();
    hint.style.left = Math.max(8, Math.min(event.clientX + 14, innerWidth - room.width - 8)) + "px";
    hint.style.top = Math.max(8, event.clientY - room.height - 12) + "px";
  };
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
})();
